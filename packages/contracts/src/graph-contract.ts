import Type, { type Static } from 'typebox';

const strict = { additionalProperties: false } as const;

const TensorContract = Type.Object(
  {
    dtype: Type.Enum(['float32', 'float16', 'uint8', 'int32', 'int64', 'bool']),
    shape: Type.Array(Type.Union([Type.Integer({ minimum: 0 }), Type.String({ minLength: 1 })]), {
      description: 'Sizes; a name is a size that each run chooses, the same wherever the graph has the name.',
    }),
  },
  { ...strict },
);
export type TensorContract = Static<typeof TensorContract>;

const tensorsByName = Type.Record(Type.String(), TensorContract);

const graphContract = {
  inputs: tensorsByName,
  outputs: tensorsByName,
  batch: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Name of the dimension along which runs can be put together: the first one of every output, and of the inputs that runs do not share.',
    }),
  ),
  padded: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      description:
        'Names of dimensions in which runs of one batch may differ: smaller ones are padded with zeros. No output has them.',
    }),
  ),
};

/** What a graph takes and gives: checked against the ONNX file when it is loaded, and against every run. */
export const GraphContract = Type.Object(graphContract, { ...strict });
export type GraphContract = Static<typeof GraphContract>;

const graphFile = { file: Type.String(), ...graphContract };

/** A graph of a bundle: its file and its contract, and another one for CUDA where the operators that are fast there differ. */
export const GraphDescription = Type.Object(
  {
    ...graphFile,
    side_by_side: Type.Optional(
      Type.Boolean({
        description:
          'Whether, on the CPU, several of its runs may go side by side in further processes with few threads while many wait: for small graphs none of whose outputs are kept.',
      }),
    ),
    cuda: Type.Optional(
      Type.Object(graphFile, {
        ...strict,
        description: 'Takes the place of the graph on CUDA. Its inputs and outputs have the same names.',
      }),
    ),
  },
  { ...strict },
);
export type GraphDescription = Static<typeof GraphDescription>;
