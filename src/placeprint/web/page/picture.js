// What is sent of a photo, and what is kept of it: copies that the browser draws, upright, as EXIF says.

const WORTH = 500_000; // bytes: smaller files are sent as they are
const DRAWN = /^image\/(jpeg|png|webp|gif|avif|bmp)$/; // what browsers draw
const [LONG, SHORT] = [1280, 640]; // pixels that stay: of the longer side, and of the shorter one of a panorama
const PREVIEW = 480; // pixels of the longer side of what is kept

/** Whether a file is sent and drawn as it is, so that its small copy can wait until nothing else does. */
export const isLight = (file) => file.size <= WORTH && DRAWN.test(file.type);

let turn = Promise.resolve();

/** Copies of a file: { sent, preview }. One at a time: decoded, a photo takes 50 to 200 MB. */
export function copies(file) {
  turn = turn.then(() => made(file));
  return turn;
}

/** One that this browser cannot draw is sent whole, and its preview is null. */
async function made(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return { sent: file, preview: null };
  try {
    return { sent: file.size > WORTH ? await smaller(file, bitmap) : file, preview: await drawn(bitmap, share(bitmap, PREVIEW, 0), 0.8) };
  } catch {
    return { sent: file, preview: null }; // drawn, but too large to be drawn anew
  } finally {
    bitmap.close();
  }
}

/** Less bytes that show the same: what recognises places looks at fewer pixels than these. */
async function smaller(file, bitmap) {
  const copy = await drawn(bitmap, share(bitmap, LONG, SHORT), 0.9);
  return copy.size < 0.8 * file.size ? new File([copy], file.name || "photo", { type: copy.type }) : file;
}

const share = ({ width, height }, long, short) => Math.min(1, Math.max(long / Math.max(width, height), short / Math.min(width, height)));

async function drawn(bitmap, scale, quality) {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(scale * side)));
  const small = scale < 1 ? await createImageBitmap(bitmap, { resizeWidth: width, resizeHeight: height, resizeQuality: "medium" }) : bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // behind what is transparent, which JPEG knows not
  context.fillRect(0, 0, width, height);
  context.drawImage(small, 0, 0);
  if (small !== bitmap) small.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality });
}
