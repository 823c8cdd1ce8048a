import Type, { type Static } from 'typebox';

/**
 * What Label Studio sends to a machine learning backend, and expects back. Its requests have more fields than these, which
 * differ from version to version; {@link PredictRequest} is what is read of them.
 */

const Percent = Type.Number({ minimum: -1e6, maximum: 1e6, description: 'Per cent of the image.' });
const Names = Type.Array(Type.String(), { maxItems: 1000 });

/** Longest labeling configuration, in characters. */
export const longestLabelConfig = 200_000;

/** Most tasks of a request; the service may be set to fewer. */
export const mostTasks = 10_000;

const LabelConfig = Type.String({ description: 'The labeling configuration, XML.' });

/** A region of the interactive context: what an annotator has drawn or typed as a prompt. */
export const ContextRegion = Type.Object({
  type: Type.Optional(Type.String({ description: '`keypointlabels`, `rectanglelabels`, `textarea`.' })),
  from_name: Type.Optional(Type.String()),
  is_positive: Type.Optional(
    Type.Union([Type.Boolean(), Type.Number()], { description: 'Of a key point: whether it is on the object.' }),
  ),
  value: Type.Object({
    x: Type.Optional(Percent),
    y: Type.Optional(Percent),
    width: Type.Optional(Percent),
    height: Type.Optional(Percent),
    rotation: Type.Optional(Type.Number({ description: 'Degrees clockwise, about the corner at x and y.' })),
    text: Type.Optional(Type.Union([Type.String(), Names])),
    labels: Type.Optional(Names),
    keypointlabels: Type.Optional(Names),
    rectanglelabels: Type.Optional(Names),
  }),
});
export type ContextRegion = Static<typeof ContextRegion>;

export const PredictTask = Type.Object({
  data: Type.Record(Type.String(), Type.Unknown(), {
    description: 'The image under the name that the configuration gives it, and other data.',
  }),
});
export type PredictTask = Static<typeof PredictTask>;

export const PredictRequest = Type.Object({
  tasks: Type.Array(PredictTask, { maxItems: mostTasks }),
  label_config: LabelConfig,
  params: Type.Optional(
    Type.Union([
      Type.Object({
        context: Type.Optional(
          Type.Union([
            Type.Object(
              { result: Type.Optional(Type.Array(ContextRegion, { maxItems: 1000 })) },
              { description: 'What an annotator has drawn or typed, of interactive requests.' },
            ),
            Type.Null(),
          ]),
        ),
      }),
      Type.Null(),
    ]),
  ),
});
export type PredictRequest = Static<typeof PredictRequest>;

export const SetupRequest = Type.Object({ schema: Type.Optional(LabelConfig) });

export const SetupResponse = Type.Object({
  model_version: Type.String({ description: 'name@version of the model.' }),
});

export const BackendHealth = Type.Object({
  status: Type.Literal('UP'),
  model_class: Type.String(),
  model_version: Type.String({ description: 'name@version of the model.' }),
});

const regionFields = {
  id: Type.String(),
  from_name: Type.String({ description: 'The control of the configuration that the region belongs to.' }),
  to_name: Type.String({ description: 'The image of the configuration.' }),
  original_width: Type.Integer({ description: 'Pixels of the image as a person sees it.' }),
  original_height: Type.Integer(),
  image_rotation: Type.Literal(0),
  score: Type.Number({
    description: 'Probability that the object is a target; of one that was pointed at, `mask_score`.',
  }),
};

export const BrushRegion = Type.Object({
  ...regionFields,
  type: Type.Literal('brushlabels'),
  value: Type.Object({
    format: Type.Literal('rle'),
    rle: Type.Array(Type.Integer({ minimum: 0, maximum: 255 }), {
      description: 'Label Studio’s own run-length encoding of RGBA pixels.',
    }),
    brushlabels: Type.Array(Type.String()),
  }),
});

export const PolygonRegion = Type.Object({
  ...regionFields,
  type: Type.Literal('polygonlabels'),
  value: Type.Object({
    points: Type.Array(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }), {
      description: '[x, y], per cent of the image.',
    }),
    closed: Type.Literal(true),
    polygonlabels: Type.Array(Type.String()),
  }),
});

export const RectangleRegion = Type.Object({
  ...regionFields,
  type: Type.Literal('rectanglelabels'),
  value: Type.Object({
    x: Type.Number({ description: 'Per cent of the image.' }),
    y: Type.Number(),
    width: Type.Number(),
    height: Type.Number(),
    rotation: Type.Literal(0),
    rectanglelabels: Type.Array(Type.String()),
  }),
});

export const PredictedRegion = Type.Union([BrushRegion, PolygonRegion, RectangleRegion]);
export type PredictedRegion = Static<typeof PredictedRegion>;

export const Prediction = Type.Object({
  result: Type.Array(PredictedRegion),
  score: Type.Number({ description: 'Mean of the regions’ scores; 0 without any.' }),
  model_version: Type.String(),
  error: Type.Optional(Type.String({ description: 'Why the image of this task could not be used.' })),
});
export type Prediction = Static<typeof Prediction>;

export const PredictResponse = Type.Object({
  results: Type.Array(Prediction, { description: 'One per task, in their order.' }),
  model_version: Type.String({ description: 'name@version of the model.' }),
});
export type PredictResponse = Static<typeof PredictResponse>;
