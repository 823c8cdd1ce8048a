import type { Readable } from 'node:stream';
import { TrainingOptions } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import { tooLarge } from '../problems/too-large.js';
import { requireUsableText } from '../problems/unusable-text.js';
import { translateError } from '../problems/translate-error.js';
import { FormFields } from './form-fields.js';
import { addField, refuseMalformed } from './read-form.js';

const archiveName = 'archive';
const shape = {
  properties: TrainingOptions.properties,
  lists: [],
  files: [],
  options: Object.keys(TrainingOptions.properties),
};

/**
 * Reads the form of `POST /vocabularies`: fields as in the JSON body, then the file part `archive`, which is processed
 * while it arrives. When that fails, the rest of the body is not read.
 *
 * @param use - gets the validated fields, the archive, and a promise that rejects when the rest of the form is refused;
 * its result is returned
 * @throws TesseraError `TSR_VALIDATION` for fields that do not fit, an archive that is missing or not the last part;
 * `TSR_BODY_INVALID` for what is not multipart; what `use` throws
 */
export async function readTrainingForm<Result>(
  request: FastifyRequest,
  maxBytes: number,
  use: (options: TrainingOptions, archive: Readable, formEnd: Promise<void>) => Promise<Result>,
): Promise<Result> {
  const fields = new FormFields(shape);
  let outcome: Promise<Result> | undefined;
  let accept: () => void = () => {};
  let refuse: (reason: unknown) => void = () => {};
  const formEnd = new Promise<void>((resolve, reject) => {
    accept = resolve;
    refuse = reject;
  });
  formEnd.catch(() => undefined);
  try {
    await refuseMalformed(async () => {
      for await (const part of request.parts({ limits: { fileSize: maxBytes, files: 1 } })) {
        if (part.type === 'field') {
          if (outcome !== undefined) fields.refuse(part.fieldname, 'must come before the archive');
          else addField(fields, part);
          continue;
        }
        const { fieldname, file } = part;
        if (fields.hasName(fieldname) && fieldname !== archiveName)
          fields.refuse(fieldname, `must not be a file; it is called ${archiveName}`);
        const begin = async () => use(validated(request, fields.toBody()), file, formEnd);
        outcome = begin();
        // Ends the form, too.
        outcome.catch(() => file.destroy());
        file.once('limit', () => {
          refuse(tooLarge('The archive', maxBytes));
        });
      }
      if (outcome === undefined) fields.refuse(archiveName, 'is required, as a file');
      fields.toBody();
    });
  } catch (error) {
    refuse(error);
    await outcome?.catch(() => undefined);
    throw error;
  }
  accept();
  if (outcome === undefined) throw new Error('A form without archive was not refused');
  return outcome;
}

function validated(request: FastifyRequest, body: Record<string, unknown>): TrainingOptions {
  const validate = request.compileValidationSchema(TrainingOptions, 'body');
  if (validate(body)) {
    requireUsableText(body);
    return body as TrainingOptions;
  }
  const mismatch = new Error('The form does not match its schema');
  throw translateError(Object.assign(mismatch, { validation: validate.errors ?? [], validationContext: 'body' }));
}
