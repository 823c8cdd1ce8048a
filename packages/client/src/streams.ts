/** The chunks of a stream. Unlike its own iterator this exists in every browser. */
export async function* chunksOf<Chunk>(stream: ReadableStream<Chunk>): AsyncGenerator<Chunk> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Of a stream that failed, and one that was left early: its connection is closed.
    await reader.cancel().catch(() => undefined);
  }
}

/** A stream that takes chunks as they are read. Unlike `ReadableStream.from` this exists in every browser. */
export function streamOf<Chunk>(chunks: AsyncGenerator<Chunk>): ReadableStream<Chunk> {
  return new ReadableStream<Chunk>({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}
