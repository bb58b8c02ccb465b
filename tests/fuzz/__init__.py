"""Random programs, compiled and run by the scalar engine: ``python -m tests.fuzz --minutes 5``.

``draw`` draws a program (``programs``) from ``steps`` over ``expressions``; ``oracle`` runs it by
both engines and says where they disagree; ``shrink`` makes a failing one small; ``__main__`` goes
on for some minutes and reports.
"""
