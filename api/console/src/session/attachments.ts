/** Pictures that go with the next message: each is uploaded when it is chosen, and a message names it. */

import { useCallback, useRef, useState } from "react";
import { api, body } from "../api/client";
import type { Attached } from "../log/event";
import { words } from "../words";

/** What models can be shown; the server looks into the file itself. */
export const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export interface Attachment {
  key: number;
  filename: string;
  /** What it became, once it is uploaded. */
  image: Attached | null;
  problem: string | null;
}

async function upload(file: File, sessionId: string | undefined): Promise<Attached> {
  const reply = await api.POST("/api/v1/images", {
    params: { query: sessionId === undefined ? {} : { session_id: sessionId } },
    body: { file: "" },
    bodySerializer: () => {
      const form = new FormData();
      form.set("file", file);
      return form;
    },
  });
  return { id: body(reply).id, filename: file.name };
}

/** Delete a picture that no message will name. If that fails it stays, as one stays that was never taken away. */
function forget({ id }: Attached): void {
  api.DELETE("/api/v1/images/{image_id}", { params: { path: { image_id: id } } }).catch(() => undefined);
}

export function useAttachments(sessionId: string | undefined) {
  const [attachments, setAttachments] = useState<Attachment[]>([]);
  const made = useRef(0);
  const gone = useRef(new Set<number>());

  const add = useCallback(
    (files: Iterable<File>) => {
      for (const file of files) {
        const key = ++made.current;
        const become = (news: Partial<Attachment>) =>
          setAttachments((before) => before.map((one) => (one.key === key ? { ...one, ...news } : one)));
        const isPicture = PICTURES.includes(file.type);
        const problem = isPicture ? null : words.chat.noPicture;
        setAttachments((before) => [...before, { key, filename: file.name, image: null, problem }]);
        if (!isPicture) continue;
        upload(file, sessionId).then(
          (image) => (gone.current.has(key) ? forget(image) : become({ image })),
          (error: Error) => become({ problem: error.message }),
        );
      }
    },
    [sessionId],
  );
  /** Take one away; what is uploaded of it, or will be, is deleted. */
  const remove = useCallback(({ key, image }: Attachment) => {
    gone.current.add(key);
    setAttachments((before) => before.filter((one) => one.key !== key));
    if (image !== null) forget(image);
  }, []);
  const clear = useCallback(() => setAttachments([]), []);

  const images = attachments.flatMap(({ image }) => (image === null ? [] : [image]));
  return { attachments, images, add, remove, clear, isWhole: images.length === attachments.length };
}
