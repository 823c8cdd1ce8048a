import type { BinaryMask } from '@tessera/masks';

/** What is asked about an image, and the right answer. */
export interface LabelledQuery {
  readonly text: string;
  /** Queries of one kind have figures of their own. */
  readonly group?: string;
  /** `[H, W]` of an image of this size: 1 in the target, 255 where nothing is judged. */
  target(height: number, width: number): BinaryMask | Promise<BinaryMask>;
}

/** An image and all that is asked about it. */
export interface QueriedImage {
  /** Path of the file. */
  readonly image: string;
  readonly queries: readonly LabelledQuery[];
}

/** Where a data set lies, and which part of it is wanted. */
export interface SetLocation {
  readonly root: string;
  /** Otherwise the one that publications report. */
  readonly split: string | undefined;
  /** Directory of the images; otherwise where the data set has them. */
  readonly images: string | undefined;
  /** Of RefCOCO: whose splits, as in `refs(unc).p`. */
  readonly refs: string | undefined;
}

/** A data set that a segmentation model is measured on. */
export interface SegmentationSet {
  /** For the help: the files that are read. */
  readonly layout: string;
  readonly defaultSplit: string | undefined;
  /** @throws UsageError when files are missing or are not what they should be */
  open(location: SetLocation): Promise<QueriedImage[]>;
}
