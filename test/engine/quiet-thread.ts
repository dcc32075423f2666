/** An inference thread that ends before it has said anything. */
process.exit(3);
