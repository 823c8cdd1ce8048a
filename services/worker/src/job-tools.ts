import type { BlobStore } from '@tessera/blob-store';
import type { ImageLimits } from '@tessera/images';
import type { SharedOutputs } from '@tessera/inference';
import type { Tracing } from '@tessera/tracing';
import type { VocabularyReader } from './vocabulary-reader.js';
import type { WorkerMetrics } from './worker-metrics.js';

/** What jobs work with. */
export interface JobTools {
  readonly blobs: BlobStore;
  readonly metrics: WorkerMetrics;
  readonly tracing: Tracing;
  readonly vocabularies: VocabularyReader;
  readonly limits: ImageLimits;
  /** What workers share of the images they have seen; nothing when they share nothing. */
  readonly shared: SharedOutputs | undefined;
}
