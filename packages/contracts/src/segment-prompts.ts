import Type, { type Static } from 'typebox';
import { TesseraError, type FieldError } from './errors.js';

const strict = { additionalProperties: false } as const;

/** Most prompts of a request, and most points of one of them. */
export const promptLimits = { prompts: 32, points: 64 } as const;

const Pixels = Type.Number({ minimum: 0 });
const Side = Type.Number({ exclusiveMinimum: 0 });

export const PromptPoint = Type.Object(
  {
    x: Pixels,
    y: Pixels,
    label: Type.Enum([1, 0], { type: 'integer', description: '1: on the object; 0: beside it.' }),
  },
  { ...strict },
);
export type PromptPoint = Static<typeof PromptPoint>;

export const SegmentPrompt = Type.Object(
  {
    box: Type.Optional(Type.Tuple([Pixels, Pixels, Side, Side], { description: '[x, y, width, height]' })),
    points: Type.Optional(Type.Array(PromptPoint, { minItems: 1, maxItems: promptLimits.points })),
  },
  {
    ...strict,
    minProperties: 1,
    description:
      'One object: its box, or points on it and beside it, or both; pixels of the image as a person sees it.',
  },
);
export type SegmentPrompt = Static<typeof SegmentPrompt>;

export const SegmentPrompts = Type.Array(SegmentPrompt, {
  minItems: 1,
  maxItems: promptLimits.prompts,
  description:
    'Boxes and points in place of a query: one result per prompt, each with a box or a point with label 1. With one query they correct its answer.',
});

/** How far a box may reach beyond the image, in pixels: what is lost when a client adds x and width. */
const roundingPixels = 1e-3;

/**
 * Checks what the schema of prompts cannot.
 *
 * @param size - of the image, in pixels
 * @throws TesseraError `TSR_VALIDATION` with a pointer to every place that is outside the image
 */
export function checkPromptsInside(
  prompts: readonly SegmentPrompt[],
  size: { readonly width: number; readonly height: number },
): void {
  const fields = prompts.flatMap(({ box, points = [] }, index): FieldError[] => {
    const outside = (place: string, value: string): FieldError => ({
      pointer: `/prompts/${index}/${place}`,
      message: `${value} is outside the image of ${size.width} × ${size.height} pixels`,
    });
    const [x = 0, y = 0, width = 0, height = 0] = box ?? [];
    // A box whose corner is on the right or the lower edge has nothing of the image in it.
    const isInside =
      x < size.width &&
      y < size.height &&
      x + width <= size.width + roundingPixels &&
      y + height <= size.height + roundingPixels;
    return [
      ...(isInside ? [] : [outside('box', `[${[x, y, width, height].join(', ')}]`)]),
      ...points.flatMap((point, place) =>
        (['x', 'y'] as const)
          .filter((axis) => point[axis] >= (axis === 'x' ? size.width : size.height))
          .map((axis) => outside(`points/${place}/${axis}`, String(point[axis]))),
      ),
    ];
  });
  refuse(fields);
}

/**
 * Checks that each prompt says what it is about: alone by a box or a point with label 1.
 *
 * @throws TesseraError `TSR_VALIDATION`
 */
export function checkPromptsAlone(prompts: readonly SegmentPrompt[]): void {
  refuse(
    prompts.flatMap(({ box, points = [] }, index) =>
      box !== undefined || points.some(({ label }) => label === 1)
        ? []
        : [{ pointer: `/prompts/${index}/points`, message: 'needs a point with label 1, or a box beside it' }],
    ),
  );
}

function refuse(problems: readonly FieldError[]): void {
  if (problems.length > 0) throw TesseraError.invalid(problems.slice(0, promptLimits.prompts));
}
