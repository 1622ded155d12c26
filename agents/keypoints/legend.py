"""Say what the markers of a drawing mean."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from kibble.agents.keypoints.drawing import Mark, draw_keypoints
from kibble.agents.keypoints.markers import MEANINGS
from kibble.rewards.keypoints.roles import Role

__all__ = ["draw_legend"]

_HEIGHT, _RADIUS, _FONT, _GAP = 26, 7.0, 14, 22  # pixels
_PAPER, _INK = (250, 250, 248), (32, 32, 36)


def draw_legend(
    width: int, roles: Sequence[Role] = tuple(Role), *, brief: bool = False
) -> Image.Image:
    """Draw every role's marker with its name, in as many lines as the width asks for.

    Args:
        width: Pixels.
        roles: Those to explain.
        brief: Whether names alone will do.

    Returns:
        RGB, dark on light.
    """
    font = ImageFont.load_default(_FONT)
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    places: list[tuple[Role, float, float, str]] = []
    x, y = 12.0, _HEIGHT / 2
    for role in roles:
        text = role.value if brief else f"{role.value}: {MEANINGS[role]}"
        wide = 2 * _RADIUS + 8 + ruler.textlength(text, font=font)
        if places and x + wide > width - 8:
            x, y = 12.0, y + _HEIGHT
        places.append((role, x + _RADIUS, y, text))
        x += wide + _GAP
    image = Image.new("RGB", (width, round(y + _HEIGHT / 2)), _PAPER)
    marks = [Mark(role=role, pixel=(left, middle)) for role, left, middle, _ in places]
    image = draw_keypoints(image, marks, radius=_RADIUS * 0.9)
    pen = ImageDraw.Draw(image)
    for _, left, middle, text in places:
        pen.text((left + _RADIUS + 8, middle), text, fill=_INK, font=font, anchor="lm")
    return image
