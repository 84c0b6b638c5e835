// Files that look like ours and cannot be read: shown only where there are some.

import { table, warning } from "../elements.js";
import { said, several } from "../words.js";

export default {
  id: "unreadable",
  title: "Unreadable files",
  source: "unreadable",

  notes: (files) => [
    files.length > 0 && `${several(files.length, "file")} cannot be read, so what is in it is missing here.`,
  ],

  count: (files) => files.length,

  draw(files) {
    return (
      files.length > 0 && [
        warning(
          "What these hold is missing on this page; nothing else is. A process of another version wrote them, or something else did: start it anew with the version of the others, or remove the file when nothing runs that has it open.",
        ),
        table(
          "Unreadable files",
          [{ title: "File" }, { title: "What does not fit" }],
          files.map(({ file, why }) => ({ key: file, cells: [said(file), said(why)] })),
        ),
      ]
    );
  },
};
