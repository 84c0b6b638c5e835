// Text that turns round what follows, and is neither held inside of its own element nor a block of its own.
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (walker.nextNode()) {
  const { data, parentElement: within } = walker.currentNode;
  if (data.includes("\u202e") && !within.closest("bdi, th, caption, .unseen")) found.push(data);
}
return found;
