/** What one package brings, or why it brings nothing and what would change that. */
export type Finding = { name: string; ok: boolean; text: string; cure?: string };
