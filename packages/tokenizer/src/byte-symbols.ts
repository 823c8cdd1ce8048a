/**
 * The printable character that stands for each byte in byte-level vocabularies (GPT-2, CLIP): the byte's own Latin-1
 * character where that is visible, and characters from U+0100 on for the others, in order.
 */
export const byteSymbols: readonly string[] = listByteSymbols();

function listByteSymbols(): string[] {
  let substitute = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCodePoint(isVisible ? byte : substitute++);
  });
}
