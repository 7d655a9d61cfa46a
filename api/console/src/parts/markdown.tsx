/** Markdown that may still be growing. What draws it is loaded when there is some; until then the text stands as it is. */

import { lazy, memo } from "react";
import { load } from "../load";
import { Later } from "./later";

const Streaming = lazy(() => load(() => import("./streaming")));

export const Markdown = memo(function Markdown({ text, isOpen }: { text: string; isOpen: boolean }) {
  const plain = <p className="whitespace-pre-wrap">{text}</p>;
  return (
    <div className="prose-chat">
      <Later until={plain} without={() => plain}>
        <Streaming text={text} isOpen={isOpen} />
      </Later>
    </div>
  );
});
