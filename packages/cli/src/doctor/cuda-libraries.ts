/** A library that the CUDA provider of ONNX Runtime loads, and what installs it. */
export interface CudaLibrary {
  readonly name: string;
  /** Package of NVIDIA's repository for Debian and Ubuntu. */
  readonly apt: string;
  /** Package of PyPI, whose libraries lie in `site-packages/nvidia`. */
  readonly pip: string;
}

/**
 * What `readelf -d libonnxruntime_providers_cuda.so` of ONNX Runtime 1.26 names, the system's own libraries aside. Releases
 * from 1.27 on need CUDA 13: docs/decisions/0001.
 */
export const cudaLibraries: readonly CudaLibrary[] = [
  { name: 'libcudart.so.12', apt: 'cuda-cudart-12-9', pip: 'nvidia-cuda-runtime-cu12' },
  { name: 'libcublas.so.12', apt: 'libcublas-12-9', pip: 'nvidia-cublas-cu12' },
  { name: 'libcublasLt.so.12', apt: 'libcublas-12-9', pip: 'nvidia-cublas-cu12' },
  { name: 'libcufft.so.11', apt: 'libcufft-12-9', pip: 'nvidia-cufft-cu12' },
  { name: 'libcurand.so.10', apt: 'libcurand-12-9', pip: 'nvidia-curand-cu12' },
  { name: 'libcudnn.so.9', apt: 'libcudnn9-cuda-12', pip: 'nvidia-cudnn-cu12' },
];

/** The oldest driver for Linux that runs programs of CUDA 12: NVIDIA's "CUDA Compatibility", minor version compatibility. */
export const leastDriver = '525.60.13';
