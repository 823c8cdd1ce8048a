import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';

/** A drawn picture; different serials give different bytes, so that no answer comes from what is kept of another. */
export async function drawnPicture(serial = 0): Promise<Buffer> {
  const points = Array.from({ length: 8 }, (_, corner) => {
    const angle = ((2 * corner + 1) * Math.PI) / 8;
    return `${(320 + 130 * Math.cos(angle)).toFixed(1)},${(190 + 130 * Math.sin(angle)).toFixed(1)}`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">
    <rect width="640" height="480" fill="rgb(140,180,${200 + (serial % 50)})"/>
    <rect y="400" width="640" height="80" fill="#6b8f5a"/>
    <rect x="312" y="190" width="16" height="290" fill="#888"/>
    <polygon points="${points.join(' ')}" fill="#c01020" stroke="white" stroke-width="8"/>
    <text x="320" y="218" font-family="sans-serif" font-weight="bold" font-size="84" fill="white" text-anchor="middle">STOP</text>
  </svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 92 }).toBuffer();
}

export interface SegmentExtras {
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A form with a picture and a query, encoded and ready to be sent. */
export async function encodeForm(picture: Buffer, query: string, options: SegmentExtras['options'] = {}) {
  const form = new FormData();
  form.append('image', new Blob([new Uint8Array(picture)]), 'picture.jpg');
  form.append('query', query);
  form.append('options', JSON.stringify(options));
  const encoded = new Response(form);
  return { body: await encoded.arrayBuffer(), contentType: encoded.headers.get('content-type') ?? '' };
}

/** Sends a picture and a query as a form. */
export async function postSegment(
  url: string,
  picture: Buffer,
  query: string,
  { headers = {}, options }: SegmentExtras = {},
): Promise<Response> {
  const { body, contentType } = await encodeForm(picture, query, options);
  return fetch(`${url}/segment`, {
    method: 'POST',
    body,
    headers: { ...headers, 'content-type': contentType },
    signal: AbortSignal.timeout(60_000),
  });
}

/** The answer's JSON, to be read by its wire names. */
export async function bodyOf(response: Response) {
  return JSON.parse(await response.text());
}

/** Sends a picture without waiting for the result; gives the job's id. */
export async function postJob(url: string, picture: Buffer, query: string): Promise<string> {
  const response = await postSegment(url, picture, query, { headers: { prefer: 'respond-async' } });
  const body = await bodyOf(response);
  if (response.status !== 202) throw new Error(`expected 202, got ${response.status}: ${JSON.stringify(body)}`);
  return body.id;
}

export interface Job {
  readonly id: string;
  readonly status: string;
  readonly result?: { readonly results: readonly { readonly present: boolean; readonly area: number }[] };
}

/** Asks for the job until it has ended. */
export async function finishedJob(url: string, id: string, timeoutMs = 60_000): Promise<Job> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const response = await fetch(`${url}/jobs/${id}`).catch(() => undefined);
    if (response?.status === 200) {
      const job = (await response.json()) as Job;
      if (job.status !== 'queued' && job.status !== 'running') return job;
    }
    if (Date.now() > deadline) throw new Error(`job ${id} has not ended in ${timeoutMs} ms`);
    await delay(100);
  }
}
