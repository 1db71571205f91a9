/** Uploads: the one request whose progress a page can follow, which fetch does not tell. */
import { ApiError, refusal } from "./client.ts";

/** Sends a file as the content of a resource. `onProgress` gets the share that is sent, 0 to 1. Throws ApiError. */
export function upload(path: string, file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", path);
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(refusal(request.status, request.responseText));
    });
    request.addEventListener("error", () =>
      reject(new ApiError("OFFLINE", "The upload was interrupted. Upload the file again.", 0)),
    );
    request.addEventListener("abort", () => reject(new ApiError("STOPPED", "You stopped the upload; nothing was changed.", 0)));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}
