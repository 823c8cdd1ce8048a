import { cocoInstances } from './coco-instances.js';
import { queryFolder } from './query-folder.js';
import { reasonSeg } from './reason-seg.js';
import { refCoco } from './ref-coco.js';
import type { SegmentationSet } from './segmentation-set.js';

/** The data sets of segmentation by their names on the command line. */
export const segmentationSets: Readonly<Record<string, SegmentationSet>> = {
  reasonseg: reasonSeg,
  refcoco: refCoco,
  coco: cocoInstances,
  folder: queryFolder,
};
