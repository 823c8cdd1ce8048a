import { exportCommand } from '../python-exporter.js';

export const bundleExportClip = exportCommand({
  name: 'clip',
  summary: 'Write a bundle from a checkpoint of CLIP',
  details: 'Disk, memory and what to expect: docs/guides/serve-clip.md.',
  module: 'tessera_export.clip',
  needs: ['numpy', 'onnx', 'onnxruntime', 'safetensors', 'torch', 'transformers'],
  requirement: 'training[export]',
  options: {
    checkpoint: { kind: 'path', help: 'folder of the model in Hugging Face’s layout (required)' },
    out: { kind: 'path', help: 'directory of the bundle, as models/clip-vit-large-patch14 (required)' },
    precision: { kind: 'text', help: 'of the stored weights: float32 (default) or float16' },
    name: { kind: 'text', help: 'name of the model; otherwise that of the directory' },
    'no-cuda': { kind: 'flag', help: 'leave out the encoders in half precision, which CUDA runs' },
    'no-check': { kind: 'flag', help: 'leave out the comparison with transformers, which loads the model once more' },
  },
  required: ['checkpoint', 'out'],
  example: [
    'tessera bundle export clip --checkpoint clip-vit-large-patch14 --out models/clip-vit-large-patch14',
    'ready to be served',
  ],
});
