import { formFields, type Question } from './question.js';

export interface SnippetSettings {
  /** Of the service, with a slash at its end. */
  readonly url: string;
  readonly fileName: string;
  /** Whether the service asks for an API key; the snippets read it from TESSERA_API_KEY. */
  readonly needsKey: boolean;
}

export type Snippet = (question: Question, settings: SnippetSettings) => string;

/** A request as code that can be copied, by language. */
export const snippets = { curl, TypeScript: typeScript, Python: python } as const satisfies Record<string, Snippet>;
export type SnippetLanguage = keyof typeof snippets;

function curl(question: Question, { url, fileName, needsKey }: SnippetSettings): string {
  const parts = [
    'curl',
    ...(needsKey ? ['-H "authorization: Bearer $TESSERA_API_KEY"'] : []),
    `-F image=@${shellWord(fileName)}`,
    // --form-string takes a value that begins with @ or < as it is.
    ...formFields(question).map(([name, value]) => `--form-string ${shellWord(`${name}=${value}`)}`),
    shellWord(`${url}${question.path}`),
  ];
  return parts.join(' \\\n  ');
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function typeScript({ path, body }: Question, { url, fileName, needsKey }: SnippetSettings): string {
  const key = needsKey ? ', apiKey: process.env.TESSERA_API_KEY' : '';
  const image =
    path === 'segment'
      ? `image: await readFile(${JSON.stringify(fileName)})`
      : `image: (await readFile(${JSON.stringify(fileName)})).toString('base64')`;
  const fields = Object.entries(body).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  return [
    "import { readFile } from 'node:fs/promises';",
    "import { TesseraClient } from '@tessera/client';",
    '',
    `const tessera = new TesseraClient({ url: ${JSON.stringify(url)}${key} });`,
    `const answer = await tessera.${path === 'segment' ? 'segment' : 'classify'}({`,
    `  ${image},`,
    ...fields,
    '});',
    'console.log(answer.results);',
  ].join('\n');
}

function python(question: Question, { url, fileName, needsKey }: SnippetSettings): string {
  const headers = needsKey ? ['    headers={"Authorization": "Bearer " + os.environ["TESSERA_API_KEY"]},'] : [];
  const fields = formFields(question).map(([name, value]) => `(${JSON.stringify(name)}, ${JSON.stringify(value)})`);
  return [
    ...(needsKey ? ['import os', ''] : []),
    'import requests',
    '',
    'answer = requests.post(',
    `    ${JSON.stringify(`${url}${question.path}`)},`,
    ...headers,
    `    files={"image": open(${JSON.stringify(fileName)}, "rb")},`,
    `    data=[${fields.join(', ')}],`,
    ')',
    'answer.raise_for_status()',
    'print(answer.json()["results"])',
  ].join('\n');
}
