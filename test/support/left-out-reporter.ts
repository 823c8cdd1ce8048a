import { relative } from 'node:path';

interface TestEvent {
  readonly type: string;
  readonly data: { readonly name?: string; readonly file?: string; readonly skip?: string | boolean };
}

/** A reporter for node:test: a line for each test that a missing program or the user left out. */
export default async function* leftOutReporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' || typeof data.skip !== 'string' || !data.skip.endsWith('_TESTS=skip')) continue;
    yield `  ${relative('.', data.file ?? '')}: ${data.name ?? ''} (${data.skip})\n`;
  }
}
