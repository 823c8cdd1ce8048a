import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { overlayLongestSide, type Mask, type Overlay, type PictureFormat } from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import { decodeForModels, encodePicture } from '@tessera/images/decoding';
import { paintOverlay } from '@tessera/masks';
import { pixelsOf } from './mask-pixels.js';

type Colour = readonly [red: number, green: number, blue: number];

const opacity = 0.45;
/** An outline is one pixel wide per so many of the picture's longest side. */
const sidePerOutlinePixel = 300;
/** Degrees between one colour and the next: the golden angle, so that none of the first sixteen are alike. */
const hueStep = 137.5;
const firstHue = 340;

/** A mask in COCO RLE, and those of its objects, whose outlines are drawn instead of its own. */
export interface DrawnResult {
  readonly mask: Mask;
  readonly instances?: readonly { readonly mask: Mask }[];
}

/**
 * The photo with the mask of every result drawn over it, each in a colour of its own, scaled down to
 * {@link overlayLongestSide}.
 *
 * @param photo - the bytes of the image
 * @throws TesseraError as `decodeForModels` does, Error for masks in another format
 */
export async function drawOverlay(
  photo: Uint8Array,
  results: readonly DrawnResult[],
  format: PictureFormat,
  limits: ImageLimits,
): Promise<Overlay> {
  const { images } = await decodeForModels(photo, {
    limits,
    targets: ({ width, height }) => [{ longestSide: Math.min(overlayLongestSide, Math.max(width, height)) }],
  });
  const [picture] = images;
  if (picture === undefined) throw new Error('The photo was not decoded');
  const outlinePixels = Math.ceil(Math.max(picture.width, picture.height) / sidePerOutlinePixel);
  for (const [index, { mask, instances = [] }] of results.entries()) {
    const colour = overlayColour(index);
    const draw = async (drawn: Mask, style: { readonly opacity: number; readonly outlinePixels: number }) => {
      await yieldToEvents();
      paintOverlay(picture, pixelsOf(drawn), { colour, ...style });
    };
    await draw(mask, { opacity, outlinePixels: instances.length === 0 ? outlinePixels : 0 });
    for (const instance of instances) await draw(instance.mask, { opacity: 0, outlinePixels });
  }
  const file = await encodePicture(picture, format);
  return {
    image: `data:image/${format};base64,${file.toString('base64')}`,
    width: picture.width,
    height: picture.height,
    colours: results.map((_, index) => hexOf(overlayColour(index))),
  };
}

/** Colours that differ in hue, every other one lighter. */
function overlayColour(index: number): Colour {
  return fromHsl((firstHue + index * hueStep) % 360, 0.95, index % 2 === 0 ? 0.5 : 0.6);
}

/** CSS Color Module Level 4, section 7.1. */
function fromHsl(hue: number, saturation: number, lightness: number): Colour {
  const channel = (shift: number) => {
    const place = (shift + hue / 30) % 12;
    const range = saturation * Math.min(lightness, 1 - lightness);
    return Math.round(255 * (lightness - range * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

function hexOf(colour: Colour): string {
  return `#${colour.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}
