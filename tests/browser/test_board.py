from pathlib import Path

import pytest

COMMITTED = sorted((Path(__file__).parents[2] / "board").glob("*/v*/index.html"))
TRACK = "toy/v2/index.html"
EVERY = (
    "index.html",
    TRACK,
    "toy/v1/index.html",
    "two/v1/index.html",
    "old/v1/index.html",
    "toy/v2/entries/genetic.html",
)
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"


def texts(driver, selector):
    return driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter(e => e.offsetParent)"
        ".map(e => e.textContent.trim())",
        selector,
    )


def first(driver, selector):
    return driver.find_element("css selector", selector)


def names(driver):
    return texts(driver, "#entries tbody tr:not([hidden]) th a")


def head(driver, text):
    heads = driver.find_elements("css selector", "#entries thead th[data-sort]")
    return next(each for each in heads if text in each.text)


def press(driver, element, key):
    from selenium.webdriver.common.keys import Keys

    element.send_keys(getattr(Keys, key))


def test_a_click_on_a_head_sorts_and_another_one_reverses(visit):
    driver = visit(TRACK)
    before = names(driver)
    column = head(driver, "Any-time")
    first(driver, "#entries").location_once_scrolled_into_view  # noqa: B018
    driver.execute_script("arguments[0].click()", column.find_element("css selector", "button"))
    values = [float(text) for text in texts(driver, "#entries tbody td:nth-child(10)")]
    assert values == sorted(values)
    assert column.get_attribute("aria-sort") == "ascending"
    driver.execute_script("arguments[0].click()", column.find_element("css selector", "button"))
    assert column.get_attribute("aria-sort") == "descending"
    assert [float(t) for t in texts(driver, "#entries tbody td:nth-child(10)")] == values[::-1]
    assert sorted(names(driver)) == sorted(before)
    assert len(driver.find_elements("css selector", "#entries [aria-sort]")) == 1


def test_the_keyboard_sorts_too(visit):
    driver = visit(TRACK)
    column = head(driver, "Entry")
    press(driver, column.find_element("css selector", "button"), "ENTER")
    assert column.get_attribute("aria-sort") == "ascending"
    assert names(driver)[1:] == [
        "local-search",
        "random-search",
        "regularized-evolution",
        "reinforce",
    ]


def test_words_and_evidence_filter(visit):
    driver = visit(TRACK)
    box = first(driver, "[data-role=search]")
    box.send_keys("REGUL")
    assert names(driver) == ["regularized-evolution"]
    assert first(driver, "[data-role=count]").text == "1 of 5 shown"
    box.send_keys("zzz")
    assert names(driver) == []
    driver.execute_script(
        "arguments[0].value=''; arguments[0].dispatchEvent(new Event('input'))", box
    )
    first(driver, "[data-role=level] option[value='2']").click()
    assert len(names(driver)) == 4


def hover(driver, x, y, figure="regret"):
    from selenium.webdriver import ActionChains

    drawing = first(driver, f"figure[data-chart={figure}] svg")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", drawing)
    size = drawing.size
    offset = (int((x - 0.5) * size["width"]), int((y - 0.5) * size["height"]))
    ActionChains(driver, duration=0).move_to_element_with_offset(drawing, *offset).perform()
    return first(driver, f"figure[data-chart={figure}] .tip")


def test_pointing_at_a_curve_tells_its_values(visit):
    driver = visit(TRACK)
    tip = hover(driver, 0.9, 0.6)
    assert tip.is_displayed()
    name, value = tip.find_element("css selector", "b").text, tip.text
    assert name in names(driver)
    view = driver.execute_script("return data.regret[0].clocks.evaluations")
    at = int(value.split("evaluations ")[1].split(":")[0])
    told = float(value.split(": ")[1].split(" [")[0])
    row = driver.execute_script("return data.names").index(name)
    assert told == pytest.approx(view["mean"][row][view["x"].index(at)], rel=0.006)
    assert len(driver.find_elements("css selector", "figure[data-chart=regret] .line.on")) == 1


def test_arrow_keys_walk_along_a_curve(visit):
    driver = visit(TRACK)
    drawing = first(driver, "figure[data-chart=regret] svg")
    press(driver, drawing, "ARROW_LEFT")
    before = first(driver, "figure[data-chart=regret] .tip").text
    press(driver, drawing, "ARROW_LEFT")
    after = first(driver, "figure[data-chart=regret] .tip").text
    assert before.split("\n")[0] == after.split("\n")[0]
    assert before != after
    assert first(driver, "figure[data-chart=regret] [aria-live]").get_attribute("textContent")


def test_the_axis_switches_to_seconds_and_to_a_linear_scale(visit):
    driver = visit(TRACK)
    figure = first(driver, "figure[data-chart=regret]")
    path = "figure[data-chart=regret] .line"
    shape = first(driver, path).get_attribute("d")
    figure.find_element("css selector", "option[value=seconds]").click()
    assert "charged seconds" in texts_of_drawing(driver)
    assert first(driver, path).get_attribute("d") != shape
    button = next(b for b in figure.find_elements("css selector", "button") if b.text == "log x")
    shape = first(driver, path).get_attribute("d")
    driver.execute_script("arguments[0].click()", button)
    assert button.get_attribute("aria-pressed") == "false"
    assert first(driver, path).get_attribute("d") != shape


def texts_of_drawing(driver):
    return driver.execute_script(
        "return [...document.querySelectorAll('figure[data-chart=regret] svg text')]"
        ".map(e => e.textContent)"
    )


def test_a_chosen_entry_is_drawn_in_color(visit):
    driver = visit(TRACK)
    boxes = driver.find_elements("css selector", ".pick input")
    colored = "figure[data-chart=regret] .line.picked"
    before = len(driver.find_elements("css selector", colored))
    unchecked = next(box for box in boxes if not box.is_selected())
    press(driver, unchecked, "SPACE")
    assert len(driver.find_elements("css selector", colored)) == before + 1
    assert len(driver.find_elements("css selector", "figure[data-chart=regret] + *")) == 0
    assert len(texts(driver, "figure[data-chart=regret] .legend li")) == before + 1


def test_points_of_a_front_tell_their_values(visit):
    driver = visit("two/v1/index.html")
    drawing = first(driver, "figure[data-chart=front] svg")
    press(driver, drawing, "ARROW_RIGHT")
    tip = first(driver, "figure[data-chart=front] .tip").text
    assert "params (parameters)" in tip
    assert "test_accuracy (%)" in tip


def test_from_the_index_to_a_track_to_an_entry_and_to_another_track(visit):
    driver = visit("index.html")
    first(driver, ".card h2 a").click()
    assert first(driver, "h1").text == "Toy"
    first(driver, "#entries tbody tr a[href='entries/local-search.html']").click()
    assert first(driver, "h1").text == "local-search"
    assert driver.find_elements("css selector", ".cell svg")
    first(driver, ".crumbs a:last-of-type").click()
    link = driver.find_element("partial link text", "Trade-off, version 1")
    driver.execute_script("arguments[0].click()", link)
    assert first(driver, "h1").text == "Trade-off"


def background(driver):
    return driver.execute_script("return getComputedStyle(document.body).backgroundColor")


def test_dark_mode_follows_the_system_and_the_switch_and_is_kept(visit):
    driver = visit(TRACK)
    light = background(driver)
    driver = visit(TRACK, dark=True)
    dark = background(driver)
    assert light != dark
    assert first(driver, "#theme").text == "Light mode"
    first(driver, "#theme").click()
    assert background(driver) == light
    driver.refresh()
    assert background(driver) == light
    driver.execute_script("localStorage.clear()")


@pytest.mark.parametrize("page", EVERY)
def test_a_phone_needs_no_sideways_scrolling(visit, page):
    driver = visit(page, width=390)
    assert driver.execute_script("return document.documentElement.scrollWidth") == 390
    assert driver.execute_script("return innerWidth") == 390


def test_hostile_text_is_shown_and_does_nothing(visit):
    driver = visit("toy/v2/entries/genetic.html")
    assert first(driver, "h1").text == HOSTILE
    assert not driver.find_elements("css selector", "main img")
    driver = visit(TRACK)
    driver.execute_script("document.querySelector('.pick input:not(:checked)')?.click()")
    driver.execute_script(
        "document.querySelectorAll('.pick input').forEach(e => e.checked || e.click())"
    )
    assert HOSTILE in texts(driver, "figure[data-chart=regret] .legend li")
    assert not driver.find_elements("css selector", "main img")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page", EVERY)
def test_axe_finds_nothing_serious(visit, axe, page, dark):
    driver = visit(page, dark=dark)
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    found = driver.execute_async_script("axe.run().then(r => arguments[0](r.violations))")
    serious = [
        (v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("page", COMMITTED, ids=lambda page: page.parts[-3])
def test_a_page_of_the_committed_board_is_there_at_once(page, visit):
    assert page.stat().st_size < 3e6
    driver = visit(page)
    took_ms = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
    assert 0 < driver.execute_script(took_ms) < 2000
    assert len(names(driver)) == len(list((page.parent / "entries").iterdir()))
    assert len(driver.find_elements("css selector", "figure svg path")) > 3


def test_a_retired_version_is_reached_and_says_what_it_is(visit):
    driver = visit("index.html")
    first(driver, "section[aria-labelledby=retired] a").click()
    assert driver.current_url.endswith("old/v1/index.html")
    assert "retired" in texts(driver, ".tag.warn")
    assert sorted(names(driver)) == ["random-search", "regularized-evolution"]
