"""How the page learns: by its socket, by asking while that is dead, and what it says while nobody answers."""
# ruff: noqa: ANN001, ANN201, D103

import pytest

import figures
from conftest import NARROW, WIDE


def test_the_socket_tells_and_nobody_asks(page, serve):
    server = serve(figures.ordinary())
    page.open(server.address)
    page.next_message()
    assert page.state() == "live"
    assert server.asked == 0
    assert not page.one("#state-says").is_displayed()


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_killed_socket_means_asking_within_three_seconds_and_a_new_one_ends_that(page, serve, width):
    page.look(width)
    server = serve(figures.ordinary())
    page.open(server.address)
    assert page.state() == "live"
    killed = page.run("return performance.now()")
    server.refuse_sockets()
    page.until(lambda: page.state() == "polling")
    ((_, asked),) = [(state, at) for state, at in page.run("return states") if state == "polling"]
    assert asked - killed < 3000
    assert "asks once a second" in page.one("#state-says").text
    page.next_message()
    server.refuses_sockets = False
    page.until(lambda: page.state() == "live")
    page.until(lambda: not page.one("#state-says").is_displayed())
    page.next_message()
    asked = server.asked
    page.next_message()
    assert server.asked == asked
    assert [state for state, _ in page.run("return states")] == ["live", "polling", "live"]


def test_a_socket_that_falls_silent_is_as_good_as_dead(page, serve):
    server = serve(figures.ordinary())
    page.open(server.address)
    server.is_silent = True
    page.until(lambda: page.state() == "polling")
    page.next_message()
    server.is_silent = False
    page.until(lambda: page.state() == "live")


def test_a_server_that_is_gone_is_said_with_what_to_do_and_its_figures_stay(page, serve):
    server = serve(figures.ordinary())
    page.open(server.address)
    server.close()
    page.until(lambda: page.state() == "offline")
    says = page.one("#state-says")
    assert "it cannot be reached" in says.text
    assert "zenoh-pinned serve" in says.text
    assert says.get_attribute("role") == "alert"
    assert page.driver.title.startswith("offline")
    assert "camera/front" in page.card("Pools").text
    server.open()
    page.until(lambda: page.state() == "live")
    assert not says.is_displayed()
    page.next_message()


def test_a_server_that_answers_something_else_is_offline_and_says_what(page, serve):
    server = serve(figures.ordinary())
    page.open(server.address)
    server.answer = (503, b'{"error": "pools took longer than a second"}')
    server.refuse_sockets()
    page.until(lambda: page.state() == "offline")
    assert "it answers 503, pools took longer than a second" in page.one("#state-says").text
    server.answer = (200, b"<html>a captive portal</html>")
    page.until(lambda: "something else than figures" in page.one("#state-says").text)


def test_a_message_that_is_no_figures_is_passed_over(page, serve):
    server = serve(figures.ordinary())
    page.open(server.address)
    server.spoken = b"[1, 2"
    page.until(lambda: server.spoken is None)
    page.next_message()
    assert "camera/front" in page.card("Pools").text
