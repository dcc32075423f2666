/** One colour for each level in every plot, told apart by colour-blind eyes too (Okabe and Ito 2008). */
export const levelColors = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'];
