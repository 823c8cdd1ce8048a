import sharp from 'sharp';

// libvips loads what its loaders recognise, and it has many: allow the six formats that are served, from memory only.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map((loader) => `VipsForeignLoad${loader}Buffer`),
});

// No request repeats another's operations, so the cache would only hold memory.
sharp.cache(false);

// One thread per image: the inference process uses the cores, several images run side by side on libuv's threads.
sharp.concurrency(1);

export { sharp };
