export { drawnPicture, postSegment } from './requests.js';
export { startEmbedded } from './services.js';
