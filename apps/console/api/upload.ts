/** Uploads: the one request whose progress a page can follow, which fetch does not tell. */
import type { WrittenReply } from "../../../schemas/types.ts";
import { ApiError, refusal } from "./client.ts";

export const STOPPED = { code: "STOPPED", message: "You stopped the upload; nothing was changed." };

/** Of an answer that never came: with its last byte on its way, the file may have been stored. */
const unanswered = (sent: boolean, code: string, message: string) =>
  sent ? new ApiError("OUTCOME_UNKNOWN", "No answer came. It may have been stored.", 0) : new ApiError(code, message, 0);

/** Sends a file as the content of a resource. `onProgress` gets the share that is sent, 0 to 1. Throws ApiError. */
export function upload(
  [method, path]: readonly ["PUT" | "POST", string],
  file: File,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Pick<WrittenReply, "revision">> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let sent = false;
    request.open(method, path);
    request.upload.addEventListener("load", () => {
      sent = true;
    });
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as WrittenReply);
      else reject(refusal(request.status, request.responseText));
    });
    request.addEventListener("error", () =>
      reject(unanswered(sent, "OFFLINE", "The upload was interrupted. Upload the file again.")),
    );
    request.addEventListener("abort", () => reject(unanswered(sent, STOPPED.code, STOPPED.message)));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}
