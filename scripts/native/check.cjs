// node check.cjs PACKAGE: loads tfjs-node from a folder, multiplies two matrices, prints TensorFlow's version.
const util = require('node:util');

// tfjs-node 4.22 calls both; newer Node has removed them.
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;

const tf = require(process.argv[2]);
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]));
const found = String(product.dataSync());
if (found !== '19,22,43,50') throw new Error(`the product must be 19,22,43,50: current value is ${found}`);
process.stdout.write(tf.backend().binding.TF_Version);
