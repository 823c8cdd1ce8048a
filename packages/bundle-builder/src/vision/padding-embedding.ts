const shape = [1, 3, 1024, 1024];

/**
 * What SAM's image encoder makes of padding alone: float32 [1, 256, 64, 64]. Takes a second or two.
 *
 * @param encoder - the exported encoder, as a file
 * @throws Error when ONNX Runtime, an optional dependency, is not installed
 */
export async function paddingEmbedding(encoder: Uint8Array): Promise<Float32Array> {
  const { InferenceSession, Tensor } = await import('onnxruntime-node').catch((cause: unknown) => {
    throw new Error('building the models needs onnxruntime-node: run "npm ci" again without --omit=optional', {
      cause,
    });
  });
  const session = await InferenceSession.create(encoder);
  try {
    const pixels = new Float32Array(shape.reduce((product, size) => product * size));
    const { output } = await session.run({ input: new Tensor('float32', pixels, shape) });
    if (!(output?.data instanceof Float32Array)) throw new TypeError('the SAM encoder gives no float32 output');
    return output.data;
  } finally {
    await session.release();
  }
}
