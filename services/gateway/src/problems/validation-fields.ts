import type { FieldError } from '@tessera/contracts';

/** A finding of a JSON schema validator (the part of Ajv's error object that is read here). */
export interface SchemaFinding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: {
    readonly missingProperty?: string;
    readonly additionalProperty?: string;
    readonly allowedValues?: readonly unknown[];
    readonly pattern?: string;
  };
  readonly message?: string | undefined;
}

const maximumFields = 32;

/**
 * Turns validator findings into field errors: one per JSON pointer, at most 32, where an unknown or missing field is
 * named by its own pointer and the branches of a union are joined with "or".
 */
export function fieldErrors(findings: readonly SchemaFinding[]): FieldError[] {
  const unionPaths = new Set(findings.filter(isUnion).map((finding) => finding.instancePath));
  const isSettled = (path: string) => findings.some((finding) => pointerOf(finding).startsWith(`${path}/`));
  const messages = new Map<string, Set<string>>();
  for (const finding of findings) {
    if (isUnion(finding) && findings.length > 1) continue;
    const pointer = pointerOf(finding);
    // A finding inside one branch of a union is more useful than that the other branches do not match at all.
    if (unionPaths.has(pointer) && isSettled(pointer)) continue;
    const known = messages.get(pointer) ?? new Set<string>();
    known.add(messageOf(finding));
    messages.set(pointer, known);
    if (messages.size >= maximumFields) break;
  }
  return [...messages].map(([pointer, texts]) => ({
    pointer,
    message: [...texts].join(unionPaths.has(pointer) ? ', or ' : '; '),
  }));
}

function isUnion(finding: SchemaFinding): boolean {
  return finding.keyword === 'anyOf' || finding.keyword === 'oneOf';
}

function pointerOf({ keyword, instancePath, params }: SchemaFinding): string {
  if (keyword === 'required') return `${instancePath}/${escapePointer(params.missingProperty ?? '')}`;
  if (keyword === 'additionalProperties') {
    return `${instancePath}/${escapePointer((params.additionalProperty ?? '').slice(0, 128))}`;
  }
  return instancePath;
}

const imageForms = 'an image is a text, {"url": "https://…"} or {"id": "sha256:…"}';

/** What a field has one or more of, where a number of properties would not say it. */
const promptForms = 'must have a box, points, or both';

/** Whether a path leads to an image of a request. */
function isImage(path: string): boolean {
  return /\/image$|^\/images\/\d+$/.test(path);
}

function messageOf({ keyword, instancePath, params, message }: SchemaFinding): string {
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return `is not a known field${isImage(instancePath) ? `; ${imageForms}` : ''}`;
    case 'minProperties':
    case 'maxProperties':
      if (isImage(instancePath)) return `must have one field; ${imageForms}`;
      return /^\/prompts\/\d+$/.test(instancePath) ? promptForms : (message ?? 'is invalid');
    case 'enum':
      return `must be one of ${(params.allowedValues ?? []).join(', ')}`;
    case 'pattern':
      return params.pattern === '\\S' ? 'must not be blank' : (message ?? 'is invalid');
    default:
      return message ?? 'is invalid';
  }
}

/** A name as a part of a JSON pointer. */
export function escapePointer(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}
