/** A red ball on a meadow, 96 × 64 pixels: small enough to stand in the documentation, and a real image. */
const exampleImage = `data:image/png;base64,${[
  'iVBORw0KGgoAAAANSUhEUgAAAGAAAABABAMAAAAXGm89AAAAMFBMVEXkVy5qn1i/4PXeXTTB2erdc1d5llPhYz+wdkDFy9bJZzfMsbDWjHvWjn7T',
  'l4qUh0rBFz+PAAAACXBIWXMAAAsTAAALEwEAmpwYAAAA9UlEQVRIx2NQIhEwjGoY1TCqYVQDLuB9tIA9dgvxGuYYMAAB80liNfgxQMET4jRoBsA0',
  'sDoRpWE6AxxUEqNBswChgd2JCA2uDEgghAgND5A18BHWoImsnoHZiaAGHRQNDJcIanBG1WBCUMMGVA3cBDUcQNXAS1BDAKoGVoIaClA1sBPUgKqe',
  'gZn6Gkh2EsmevkBqsJIccXiShiBWIIGqoREhg0ODGKqGRIIaBBuQ1XMIEtYghaxhIREaxAyQ4jmRCA2CyQgNZoLEaBBbAFPPlUiUBkEJA8wwxatB',
  'MANSGLcJEqtBUL7LgHnFR0HiNWAFoxqGqAYA0zFAS5+3KZYAAAAASUVORK5CYII=',
].join('')}`;

const exampleImageId = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

/** Request bodies of `POST /segment`, offered by the documentation page. */
export const segmentExamples = {
  one_query: {
    summary: 'One query',
    value: { image: exampleImage, query: 'the red ball' },
  },
  several_queries: {
    summary: 'Several queries, polygons and instances',
    value: {
      image: exampleImage,
      queries: ['the ball', 'the meadow'],
      output: { format: 'polygon', instances: true },
    },
  },
  coarse: {
    summary: 'A coarse mask, faster',
    value: { image: exampleImage, query: 'the red ball', refine: false, threshold: 0.3 },
  },
  url: {
    summary: 'An image on the web',
    value: { image: 'https://images.example.org/street.jpg', query: 'the bus on the left' },
  },
  stored: {
    summary: 'An image sent before',
    value: { image: { id: exampleImageId }, query: 'the red ball' },
  },
} as const;

/** Request bodies of `POST /classify-composition`. */
export const classifyExamples = {
  inline_vocabulary: {
    summary: 'All pairs of a vocabulary',
    value: {
      image: exampleImage,
      vocabulary: { attributes: ['red', 'blue'], objects: ['ball', 'car'] },
      top_k: 3,
    },
  },
} as const;
