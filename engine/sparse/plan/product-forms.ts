/**
 * How the nonzeros of a product (a convolution, or a matrix by a vector) are stored. Which form is fastest depends on the processor as much as
 * on the density: `tuneForms` measures it.
 */
export type Product = {
  /** Its program, and its step there. */
  program: number;
  step: number;
  /** How many forms it can have, and the one that it has: how many levels, from the densest on, are stored as is best for dense ones. */
  forms: number;
  form: number;
  /** Levels of its program. */
  levels: number;
};

/** Answers, product by product in the order of planning, the form that is wished for, or else the usual one. */
export type ChooseForm = (forms: number, usual: () => number) => number;

/** @param wished by product; what is missing or impossible, as from another version's cache, is left to the planner. */
export function createChooser(wished: readonly number[]): ChooseForm {
  let product = 0;
  return (forms, usual) => {
    const form = wished[product++] ?? Number.NaN;
    if (Number.isInteger(form) && form >= 0 && form < forms) return form;
    return forms > 1 ? usual() : 0;
  };
}
