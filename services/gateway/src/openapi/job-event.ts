import {
  ClassifyCompositionResponse,
  JobResponse,
  ProblemDetails,
  Progress,
  SegmentResponse,
  VocabularyDescription,
} from '@tessera/contracts';
import Type, { type TSchema } from 'typebox';

const id = Type.String({
  pattern: '^[0-9]{1,7}$',
  description: 'How far the job has come; for `last-event-id`. Absent where the job fell back to the queue.',
});

/** An event whose data is the JSON text of a value. */
function event(name: string, data: TSchema, description: string): TSchema {
  return Type.Object(
    {
      event: Type.Literal(name),
      id: name === 'status' ? Type.Optional(id) : id,
      data: Type.String({ contentMediaType: 'application/json', contentSchema: data }),
    },
    { additionalProperties: false, description },
  );
}

/** One event of a job's stream by the fields of the text format (WHATWG HTML, section 9.2). */
export const JobEvent = Type.Union(
  [
    event('status', JobResponse, 'The status of the job changed.'),
    event('progress', Progress, 'The job has come further.'),
    event(
      'result',
      Type.Union([SegmentResponse, ClassifyCompositionResponse, VocabularyDescription]),
      'The job succeeded: the response of the route that created it. The stream ends.',
    ),
    event('error', ProblemDetails, 'The job failed, was cancelled or expired. The stream ends.'),
  ],
  { description: 'One event of the stream: its fields, each a line of text.' },
);
