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
    `-F ${shellWord(`image=@${curlFile(fileName)}`)}`,
    // --form-string takes a value that begins with @ or < as it is.
    ...formFields(question).map(([name, value]) => `--form-string ${shellWord(`${name}=${value}`)}`),
    shellWord(`${url}${question.path}`),
  ];
  return parts.join(' \\\n  ');
}

/** A file's name in a form field, where curl reads commas, semicolons, quotes and spaces at the ends, and `-` as its input. */
function curlFile(name: string): string {
  const path = name === '-' ? './-' : name;
  return /^[\w./-]+$/.test(path) ? path : `"${path.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
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
  const fields = Object.entries(body)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  return [
    "import { readFile } from 'node:fs/promises';",
    "import { TesseraClient } from '@tessera/client';",
    '',
    `const tessera = new TesseraClient({ url: ${JSON.stringify(url)}${key} });`,
    `const answer = await tessera.${path === 'segment' ? 'segment' : 'classify'}({`,
    `  ${image},`,
    ...fields,
    '});',
    'console.dir(answer.results, { depth: null });',
  ].join('\n');
}

/** Needs the standard library alone. */
function python({ path, body }: Question, { url, fileName, needsKey }: SnippetSettings): string {
  const key = needsKey ? ['        "Authorization": "Bearer " + os.environ["TESSERA_API_KEY"],'] : [];
  const fields = Object.entries(body).filter(([, value]) => value !== undefined);
  return [
    'import base64',
    'import json',
    ...(needsKey ? ['import os'] : []),
    'import urllib.request',
    '',
    `with open(${pythonLiteral(fileName)}, "rb") as file:`,
    '    image = base64.b64encode(file.read()).decode()',
    'question = {',
    '    "image": image,',
    ...fields.map(([name, value]) => `    ${pythonLiteral(name)}: ${pythonLiteral(value)},`),
    '}',
    'request = urllib.request.Request(',
    `    ${pythonLiteral(`${url}${path}`)},`,
    '    data=json.dumps(question).encode(),',
    '    headers={',
    '        "Content-Type": "application/json",',
    ...key,
    '    },',
    ')',
    'with urllib.request.urlopen(request) as response:',
    '    answer = json.load(response)',
    'print(answer["results"])',
  ].join('\n');
}

/** A value of JSON in Python, which writes some of them otherwise. */
function pythonLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    return `{${entries.map(([name, one]) => `${pythonLiteral(name)}: ${pythonLiteral(one)}`).join(', ')}}`;
  }
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null ? 'None' : JSON.stringify(value);
}
