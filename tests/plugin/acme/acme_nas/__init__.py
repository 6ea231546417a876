"""A third party's plug-in, as the tests of nasbench-lab install it."""
