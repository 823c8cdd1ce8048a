/** The basic colour terms of English (Berlin and Kay, 1969), then the two words for lightness. */
export const colourNames = [
  'black',
  'white',
  'grey',
  'red',
  'orange',
  'yellow',
  'green',
  'blue',
  'purple',
  'pink',
  'brown',
  'dark',
  'light',
] as const;
export type ColourName = (typeof colourNames)[number];

export const colourCount = colourNames.length;

/** A colour in Oklab's polar form. */
interface PolarColour {
  /** In [0, 1]. */
  readonly lightness: number;
  /** 0 for greys, at most 0.33 in sRGB. */
  readonly chroma: number;
  /** In degrees, [0, 360); red near 29, yellow 110, green 142, blue 264. */
  readonly hue: number;
}

/** Levels of each sRGB channel that `colourTable` tells apart. */
export const colourLevels = 32;

let table: Uint8Array | undefined;

/**
 * How well each colour name fits each sRGB colour, `[32, 32, 32, 13]` by red, green, blue and `colourNames`. The
 * eleven basic terms of one colour sum to about 255; `dark` and `light` are independent of them, each in [0, 255].
 */
export function colourTable(): Uint8Array {
  table ??= buildTable();
  return table;
}

function buildTable(): Uint8Array {
  const names = new Uint8Array(colourLevels ** 3 * colourCount);
  const linear = Float64Array.from({ length: colourLevels }, (_, level) => linearLight((level + 0.5) / colourLevels));
  let offset = 0;
  for (const red of linear) {
    for (const green of linear) {
      for (const blue of linear) {
        const fits = nameColour(polarColour(red, green, blue));
        for (const [index, name] of colourNames.entries()) names[offset + index] = Math.round(255 * fits[name]);
        offset += colourCount;
      }
    }
  }
  return names;
}

/** Light in [0, 1] of an sRGB channel in [0, 1]. */
export function linearLight(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

/** The sRGB channel in [0, 1] of light in [0, 1]. */
export function encodedLight(light: number): number {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
}

/** Oklab (Ottosson, 2020) of linear sRGB. */
function polarColour(red: number, green: number, blue: number): PolarColour {
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const medium = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  const lightness = 0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short;
  const a = 1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short;
  const b = 0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short;
  return { lightness, chroma: Math.hypot(a, b), hue: ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360 };
}

/** Hues at which pinks, reds, oranges, yellows, greens, blues and purples begin, in degrees. */
const hueBounds = [335, 7, 42, 82, 116, 190, 292];

/**
 * Share in [0, 1] of each name; the boundaries between names are soft, as people's are. Those of black, white and grey
 * are fitted to hand-checked objects, hues lie between the focal colours of their names.
 */
function nameColour({ lightness, chroma, hue }: PolarColour): Record<ColourName, number> {
  const black = above(-lightness, -0.3 + 0.6 * chroma, 0.04);
  const leastChroma = 0.029 + 0.045 * above(lightness, 0.8, 0.05) - 0.01 * above(-lightness, -0.45, 0.05);
  const colourful = (1 - black) * above(chroma, leastChroma, 0.008);
  const neutral = 1 - black - colourful;
  const white = neutral * above(lightness, 0.71, 0.075);

  const sectors = hueBounds.map((from, index) => {
    const width = ((hueBounds[(index + 1) % hueBounds.length] ?? 0) - from + 360) % 360;
    return above(-angle(hue, from + width / 2), -width / 2, 5);
  });
  const total = sectors.reduce((sum, sector) => sum + sector, 0);
  const [pinks = 0, reds = 0, oranges = 0, yellows = 0, greens = 0, blues = 0, purples = 0] = sectors.map(
    (sector) => (colourful * sector) / total,
  );

  const paleRed = reds * above(lightness, 0.7, 0.03);
  const dullRed = (reds - paleRed) * above(-chroma, -0.08, 0.01);
  const dullOrange = oranges * (1 - above(chroma, 0.07, 0.012) * above(lightness, 0.66, 0.03));
  const dullYellow = yellows * (1 - above(chroma, 0.07, 0.012) * above(lightness, 0.65, 0.03));
  const palePurple = purples * above(lightness, 0.7, 0.03);
  const darkPink = pinks * above(-lightness, -0.45, 0.03);
  return {
    black,
    white,
    grey: neutral - white,
    red: reds - paleRed - dullRed + darkPink,
    orange: oranges - dullOrange,
    yellow: yellows - dullYellow,
    green: greens,
    blue: blues,
    purple: purples - palePurple,
    pink: pinks - darkPink + paleRed + palePurple,
    brown: dullRed + dullOrange + dullYellow,
    dark: above(-lightness, -0.45, 0.03),
    light: above(lightness, 0.68, 0.03),
  };
}

/** 0 far below the boundary, 1 far above it, 0.5 on it. */
function above(value: number, boundary: number, softness: number): number {
  return 1 / (1 + Math.exp((boundary - value) / softness));
}

/** Angle between two directions, in degrees. */
function angle(one: number, other: number): number {
  const difference = Math.abs(one - other) % 360;
  return Math.min(difference, 360 - difference);
}
