// Runs before anything of the page does: notes what goes wrong, and each state with its time.
window.complaints = [];
window.states = [];
addEventListener("securitypolicyviolation", (event) =>
  complaints.push(`policy: ${event.violatedDirective} ${event.blockedURI}`),
);
addEventListener("error", (event) => complaints.push(`error: ${event.message}`));
addEventListener("unhandledrejection", (event) => complaints.push(`rejection: ${event.reason}`));
addEventListener("DOMContentLoaded", () => {
  const word = document.getElementById("state-word");
  new MutationObserver(() => states.push([word.textContent, performance.now()])).observe(word, {
    childList: true,
    characterData: true,
    subtree: true,
  });
});
