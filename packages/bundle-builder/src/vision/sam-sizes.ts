/** Sides of the squares that Segment Anything works on: the image in pixels, its embedding in cells, a mask's logits. */
export const imageSize = 1024;
export const gridSize = 64;
export const maskSize = 256;
