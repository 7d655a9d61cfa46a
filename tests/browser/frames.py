"""How long the frames take in which a long list is scrolled."""

from typing import Final

from playwright.async_api import Locator

FRAMES: Final = 120
STEP_PX: Final = 150  # a frame: as fast as a hand scrolls
LONG_MS: Final = 50
# Scroll from the middle on and return how long each frame took, in milliseconds, the slowest first.
SCROLL: Final = """
async (it, [frames, step]) => {
  const frame = () => new Promise(requestAnimationFrame)
  it.scrollTop = it.scrollHeight / 2
  const took = []
  let before = await frame()
  for (let at = 0; at < frames; at++) {
    it.scrollTop += step
    const now = await frame()
    took.push(now - before)
    before = now
  }
  return took.sort((a, b) => b - a)
}
"""


async def scrolled(box: Locator, what: str) -> str:
    """Scroll through a part of a list; return how long frames took, in words."""
    took: list[float] = await box.evaluate(SCROLL, [FRAMES, STEP_PX])
    long = sum(ms > LONG_MS for ms in took)
    slowest = f"the slowest {took[0]:.0f} ms, half of them under {took[len(took) // 2]:.0f} ms"
    return f"{what}: {FRAMES} frames of scrolling, {long} over {LONG_MS} ms, {slowest}"
