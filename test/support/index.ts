export { drawnPicture, encodeForm, postSegment } from './requests.js';
export { startEmbedded } from './services.js';
