// Pictures of exact sizes: measured, cut to size in the browser, sent.
import { api } from "@/shared/client";

export const SIZES = {
  card: { width: 1404, height: 700, bytes: 2 * 1024 * 1024, kinds: ["image/jpeg", "image/png"] },
  poster: { width: 1402, height: 400, bytes: 500 * 1024, kinds: ["image/jpeg"] },
  module: { width: 702, height: 110, bytes: 500 * 1024, kinds: ["image/jpeg", "image/png"] },
} as const;
export type Use = keyof typeof SIZES;
const QUALITIES = [0.92, 0.85, 0.75, 0.6];

/** The part of a picture that is kept: how much larger than just filling, and where, 0 to 100. */
export interface Cut {
  zoom: number;
  across: number;
  down: number;
}

export function fits(use: Use, file: File, picture: ImageBitmap): boolean {
  const size = SIZES[use];
  const kinds: readonly string[] = size.kinds;
  return picture.width === size.width && picture.height === size.height && file.size <= size.bytes && kinds.includes(file.type);
}

/** Draw the kept part of a picture, at the exact size. */
export function draw(canvas: HTMLCanvasElement, use: Use, picture: ImageBitmap, cut: Cut): void {
  const { width, height } = SIZES[use];
  const scale = Math.max(width / picture.width, height / picture.height) * (cut.zoom / 100);
  const [wide, high] = [width / scale, height / scale];
  const left = ((picture.width - wide) * cut.across) / 100;
  const top = ((picture.height - high) * cut.down) / 100;
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d")?.drawImage(picture, left, top, wide, high, 0, 0, width, height);
}

/** What was drawn as a JPG that is light enough. */
export async function packed(canvas: HTMLCanvasElement, use: Use): Promise<Blob> {
  for (const quality of QUALITIES) {
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (blob && blob.size <= SIZES[use].bytes) return blob;
  }
  throw new Error("too heavy at any quality");
}

/** Send a picture; its name in documents. */
export async function upload(program: string, use: Use, file: Blob): Promise<string> {
  const path = { program_id: program };
  const answer = await api("gateway", "post", "/api/gateway/v1/programs/{program_id}/media", { path, query: { use }, file });
  return answer.body.file;
}
