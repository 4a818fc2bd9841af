'use strict';

// Keeps the part of the page that is marked data-live up to date, as long as
// somebody looks at it: a page in the background has no connection at all.
(() => {
  const part = document.querySelector('[data-live]');
  if (!part) return;
  // The one place where text becomes elements: what our own server made.
  const ours = window.trustedTypes ? trustedTypes.createPolicy('console', { createHTML: (html) => html }) : { createHTML: (html) => html };
  const offline = document.querySelector('#offline');
  let source = null;
  let again = 0;

  const show = (html) => {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : '';
    part.innerHTML = ours.createHTML(html);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const close = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };

  const open = () => {
    close();
    source = new EventSource(part.dataset.live);
    source.addEventListener('part', (event) => {
      offline.hidden = true;
      show(JSON.parse(event.data));
    });
    source.addEventListener('bye', () => {
      close();
      location.reload(); // the login
    });
    source.addEventListener('error', () => {
      offline.hidden = false;
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, 5000); // else the browser tries by itself
    });
  };

  const look = () => (document.visibilityState === 'visible' ? open() : close());
  document.addEventListener('visibilitychange', look);
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', (event) => { if (event.persisted) look(); });
  look();
})();
