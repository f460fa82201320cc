//! Text that can be read: none is cut off, none lies over another, none hangs out of what holds it.

use crate::chromium::Window;

/// The faults in the layout of the window's content, one a line.
pub(crate) async fn faults(window: &Window) -> Vec<String> {
    let found = window.value(FAULTS).await;
    let lines = found.as_array().expect("a list of faults").iter();
    lines
        .map(|line| line.as_str().expect("a line").to_owned())
        .collect()
}

/// Every piece of text that is shown, with the boxes it fills after its scrolling ancestors have cut them.
const FAULTS: &str = r#"(() => {
  const faults = [];
  const named = (element) => `<${element.tagName.toLowerCase()} ${element.className}> ${JSON.stringify(element.textContent.trim().slice(0, 60))}`;
  const hiddenForSight = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const { clipPath, textIndent } = getComputedStyle(one);
      if (clipPath === 'inset(50%)' || textIndent === '200%' || one.matches('.skip')) return true;
    }
    return false;
  };
  const clipped = (box, element) => {
    let { left, top, right, bottom } = box;
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const { overflowX, overflowY, position } = getComputedStyle(one);
      if (overflowX !== 'visible' || overflowY !== 'visible') {
        const frame = one.getBoundingClientRect();
        [left, top, right, bottom] = [Math.max(left, frame.left), Math.max(top, frame.top), Math.min(right, frame.right), Math.min(bottom, frame.bottom)];
      }
      if (position === 'fixed') break;
    }
    return right - left > 1 && bottom - top > 1 ? { left, top, right, bottom } : null;
  };
  const layerOf = (element) => element.closest('.cb-panel, .cb-toasts, .menu-card, .bar, .below') ?? element.getRootNode().host?.closest('.bar') ?? document.body;
  const pieces = [];
  const shadows = [...document.querySelectorAll('campanile-bell, [data-campanile-status]')].map((one) => one.shadowRoot).filter(Boolean);
  const texts = [document.body, ...shadows].flatMap((root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    return found;
  });
  for (const node of texts) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest('script, style, noscript, option') || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (hiddenForSight(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const shown = clipped(box, element);
      if (shown) pieces.push({ element, layer: layerOf(element), ...shown });
      if (!element.closest('svg') && box.right > document.documentElement.clientWidth + 1 && shown && shown.right - shown.left < box.right - box.left - 1) {
        const scrolls = (() => { for (let one = element; one; one = one.parentElement) if (/auto|scroll/.test(getComputedStyle(one).overflowX)) return true; })();
        if (!scrolls) faults.push(`beyond the window: ${named(element)}`);
      }
    }
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      const { overflowX, overflowY, display } = getComputedStyle(one);
      const cutX = /hidden|clip/.test(overflowX) && one.scrollWidth > one.clientWidth + 1;
      const cutY = /hidden|clip/.test(overflowY) && one.scrollHeight > one.clientHeight + 1;
      if ((cutX || cutY) && !one.matches('.in-room, svg')) faults.push(`cut: ${named(one)}`);
      if (display !== 'inline' && display !== 'contents') break;
    }
    // The element that holds the text on the page: a button, a card, a cell.
    const holder = element.closest('button, a, label, li, td, th, .tag, .count, .card, p, h1, h2');
    if (holder && getComputedStyle(holder).display !== 'inline' && !/auto|scroll/.test(getComputedStyle(element).overflowX)) {
      const frame = holder.getBoundingClientRect();
      for (const box of range.getClientRects()) {
        if (box.width > 1 && (box.left < frame.left - 1.5 || box.right > frame.right + 1.5)) faults.push(`out of its box: ${named(holder)}`);
      }
    }
  }
  for (const [index, one] of pieces.entries()) {
    for (const other of pieces.slice(index + 1)) {
      if (one.element === other.element || one.layer !== other.layer) continue;
      // Lines of text may touch; letters may not.
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > 2 && down > 5) faults.push(`overlap: ${named(one.element)} and ${named(other.element)}`);
    }
  }
  return [...new Set(faults)];
})()"#;
