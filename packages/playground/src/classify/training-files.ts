import type { TrainingFile } from './training-archive.js';

/** The files of a chosen folder, by their paths below it. */
export function chosenFiles(files: FileList | null): TrainingFile[] {
  return [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath.split('/').slice(1).join('/'), file }));
}

/** The files of a dropped folder, or of all that is in one, by their paths below it. */
export async function droppedFiles(data: DataTransfer | null): Promise<TrainingFile[]> {
  const entries = [...(data?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const isInside = entries.some((entry) => isFile(entry) && entry.name === 'metadata.json');
  const rootOf = (entry: FileSystemEntry) => (isInside || isFile(entry) ? '/' : `${entry.fullPath}/`);
  const found = await Promise.all(entries.map((entry) => filesBelow(entry, rootOf(entry))));
  return found.flat();
}

async function filesBelow(entry: FileSystemEntry, root: string): Promise<TrainingFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => {
      entry.file(resolve, reject);
    });
    return [{ path: entry.fullPath.slice(root.length), file }];
  }
  if (!isDirectory(entry)) return [];
  const reader = entry.createReader();
  const found: TrainingFile[] = [];
  // A reader gives its entries in portions, and an empty one at the end.
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (portion.length === 0) return found;
    for (const one of portion) found.push(...(await filesBelow(one, root)));
  }
}

// Chromium has no classes of these names to compare with.
function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
