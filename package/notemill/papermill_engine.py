"""The engine `notemill` as Papermill finds it by its entry point. Whoever imports Papermill loads this file: it imports
nothing until the engine is asked for."""


class NotemillEngine:
    """`papermill --engine notemill`: what Papermill asks of an engine, passed on."""

    @staticmethod
    def execute_notebook(nb, kernel_name, **kwargs):
        from notemill.execute.engine import NotemillEngine

        return NotemillEngine.execute_notebook(nb, kernel_name, **kwargs)

    @staticmethod
    def nb_kernel_name(nb, name=None):
        from papermill.utils import nb_kernel_name

        return nb_kernel_name(nb, name)

    @staticmethod
    def nb_language(nb, language=None):
        from papermill.utils import nb_language

        return nb_language(nb, language)
