import type { BoxSegmentationSettings, SegmentOptions, TokenStage } from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import { BundleError, type Bundle, type InferenceRunner } from '@tessera/inference';
import type { ObjectChoice } from '../answers/choice.js';
import type { SegmentOutcome } from '../segment-request.js';
import { Detector, type DetectorReader } from '../vision/detector.js';
import { planViews, type ViewSize } from '../vision/image-views.js';
import { MaskDecoder } from '../vision/mask-decoder.js';
import { ImageReader, type RequestImage } from '../vision/request-image.js';

/** The part of segmentation that differs between kinds of bundles: finding the objects of queries. */
export interface Pipeline {
  readonly vision: Vision;
  readonly settings: Pick<BoxSegmentationSettings, 'maximum_refined_objects' | 'region_shape_exponent'>;
  /** What makes an answer take the least time that the model can have. */
  readonly cheapest: SegmentOptions;
  /** @throws TesseraError `TSR_OPTION_UNSUPPORTED` for an option that the model does not have */
  checkOptions(options: SegmentOptions): void;
  choose(image: RequestImage, queries: readonly string[], options: SegmentOptions): Promise<ChosenObjects>;
}

/** The objects of a request's queries. */
export interface ChosenObjects extends Pick<SegmentOutcome, 'pruning' | 'tokenLayout'> {
  /** One per query. */
  readonly choices: readonly (ObjectChoice & { readonly tokenMap?: readonly TokenStage[] })[];
}

/** Of a request that gives no threshold. */
export const defaultThreshold = 0.5;

/** A bundle's graphs for images. */
export interface Vision {
  readonly images: ImageReader;
  readonly masks: MaskDecoder;
}

/** Those of a bundle with a detector. */
export interface BoxVision<Found> extends Vision {
  readonly detector: Detector<Found>;
}

/** @throws BundleError when the settings do not fit together */
export function boxVision<Found>(
  bundle: Bundle,
  runner: InferenceRunner,
  limits: ImageLimits,
  settings: Pick<BoxSegmentationSettings, 'detector_image_size' | 'detector_side_multiple' | 'encoder_longest_side'>,
  reader: DetectorReader<Found>,
): BoxVision<Found> {
  const { detector_image_size: side, detector_side_multiple: multiple, encoder_longest_side: longestSide } = settings;
  if (multiple !== undefined && side % multiple !== 0) {
    const name = bundle.manifest.name;
    throw new BundleError(
      `Bundle "${name}": detector_image_size ${side} is no multiple of detector_side_multiple ${multiple}.`,
    );
  }
  // On CUDA every shape costs memory, and only equal shapes share a batch (decision 7): squares there.
  const isOnCuda = runner.devices.some(({ executionProvider }) => executionProvider === 'cuda');
  const view: ViewSize = { side, multiple: isOnCuda ? side : multiple };
  return {
    images: new ImageReader({ views: (size) => planViews(size, view), longestSide, limits }),
    detector: new Detector(bundle, runner, reader, view),
    masks: new MaskDecoder(bundle, runner, longestSide),
  };
}
