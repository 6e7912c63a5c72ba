//! What chance would not find: the ends of the numbers, and the largest changes there are.
