import type { StoredImage } from '@tessera/client';
import type { SentPhoto } from '../service/question.js';

/** A photo that is worked with. */
export interface Photo extends SentPhoto {
  /** Shows it; undefined when the browser cannot, but the service may. */
  readonly picture: HTMLImageElement | undefined;
  /** In pixels as a person sees it; of a picture that the browser cannot show the service knows it. */
  size: PhotoSize | undefined;
  id: string | undefined;
  readonly credit?: string | undefined;
  readonly suggestions: readonly string[];
  /** Words to begin with in the view of compositions; none for a person's own photo. */
  readonly compositions: CompositionWords;
  /** Ends the requests about it once another photo is opened. */
  readonly left: AbortController;
}

export interface PhotoSize {
  readonly width: number;
  readonly height: number;
}

/** Attributes and objects, each separated by commas. */
export interface CompositionWords {
  readonly attributes: string;
  readonly objects: string;
}

export interface PhotoNotes {
  readonly credit?: string;
  readonly suggestions?: readonly string[];
  readonly compositions?: CompositionWords;
}

/** Opens a file. Files that the browser cannot show are left to the service to judge. */
export async function openPhoto(file: Blob, fileName: string, notes: PhotoNotes = {}): Promise<Photo> {
  const picture = new Image();
  picture.alt = fileName;
  picture.src = URL.createObjectURL(file);
  const isShown = await picture.decode().then(
    () => true,
    () => false,
  );
  return {
    file,
    fileName,
    picture: isShown ? picture : undefined,
    size: isShown ? { width: picture.naturalWidth, height: picture.naturalHeight } : undefined,
    id: undefined,
    credit: notes.credit,
    suggestions: notes.suggestions ?? [],
    compositions: notes.compositions ?? { attributes: '', objects: '' },
    left: new AbortController(),
  };
}

/** Takes the id and the size from an answer about the photo. */
export function learnFrom(photo: Photo, { id, width, height }: Pick<StoredImage, 'id' | 'width' | 'height'>): void {
  photo.id = id;
  photo.size = { width, height };
}

/** Ends what still runs about the photo and frees its memory. */
export function closePhoto(photo: Photo): void {
  photo.left.abort();
  if (photo.picture !== undefined) URL.revokeObjectURL(photo.picture.src);
}
