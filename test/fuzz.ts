/** `EBB_FUZZ=50 npx vitest run dist/test/engine/sparse` draws 50 times as many cases as a usual run. */
const factor = Number(process.env.EBB_FUZZ ?? 1);

export const fuzzRuns = (usual: number) => ({ numRuns: Math.ceil(usual * factor) });

export const fuzzTimeoutMs = 120_000 * Math.max(1, factor);
