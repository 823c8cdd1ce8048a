import { exportCommand } from '../python-exporter.js';

export const bundleExportLisa = exportCommand({
  name: 'lisa',
  summary: 'Write a bundle from a LISA-7B checkpoint and a CLIP vision tower',
  details: 'Disk, memory and what to expect: docs/guides/serve-lisa-7b.md.',
  module: 'tessera_export.lisa',
  needs: ['numpy', 'onnx', 'torch', 'safetensors', 'tokenizers', 'sentencepiece'],
  requirement: 'training[export]',
  options: {
    checkpoint: { kind: 'path', help: 'directory of the checkpoint, as LISA-7B-v1 (required)' },
    clip: { kind: 'path', help: 'directory of clip-vit-large-patch14 (required)' },
    out: { kind: 'path', help: 'directory of the bundle, as models/lisa-7b (required)' },
    precision: { kind: 'text', help: 'of the language model: float32, float16 (default) or int4' },
    'vision-precision': { kind: 'text', help: 'of CLIP and SAM: float32 (default) or float16' },
    name: { kind: 'text', help: 'name of the bundle; otherwise that of the directory' },
    'dry-run': { kind: 'flag', help: 'say how large the bundle will be, and write nothing' },
  },
  required: ['checkpoint', 'clip', 'out'],
  example: [
    'tessera bundle export lisa --checkpoint LISA-7B-v1 --clip clip-vit-large-patch14 --out models/lisa-7b',
    'in float16, as a GPU runs it',
  ],
});
